from django.urls import path

from apps.oauth.views import MetadataView, RevokeView, TokenView

urlpatterns = [
    path("oauth/token", TokenView.as_view(), name="oauth-token"),
    path("oauth/revoke", RevokeView.as_view(), name="oauth-revoke"),
    path(".well-known/oauth-authorization-server", MetadataView.as_view(), name="oauth-metadata"),
    path(".well-known/smart-configuration", MetadataView.as_view(), name="smart-configuration"),
]
