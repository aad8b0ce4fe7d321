from django.apps import AppConfig


class RpcConfig(AppConfig):
    """The gRPC door: a server that the domains hang their methods into."""

    name = "apps.rpc"
    label = "rpc"
