"""Examples of the OpenAPI page."""

from typing import Final

from drf_spectacular.utils import OpenApiExample

NDJSON_EXAMPLE: Final = OpenApiExample(
    "Two payments",
    value='{"id":"tx-1","account":"acc-1","kind":"card_payment","channel":"ecommerce","amount":"24.90",'
    '"currency":"EUR","occurred_at":"2026-11-23T09:41:07Z"}\n'
    '{"id":"tx-2","account":"acc-1","kind":"transfer_out","channel":"mobile","amount":"900.00",'
    '"currency":"EUR","occurred_at":"2026-11-23T09:43:55Z"}\n',
    request_only=True,
)
CSV_EXAMPLE: Final = OpenApiExample(
    "Two payments",
    value="id,account,kind,channel,amount,currency,occurred_at,counterparty.kind,counterparty.id\r\n"
    "tx-1,acc-1,card_payment,ecommerce,24.90,EUR,2026-11-23T09:41:07Z,merchant,m-5512\r\n"
    "tx-2,acc-1,transfer_out,mobile,900.00,EUR,2026-11-23T09:43:55Z,payee,p-17\r\n",
    request_only=True,
)
