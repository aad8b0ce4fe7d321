"""Every address Assay answers at, but for ``/livez /readyz /metrics``: a middleware answers those."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

handler400 = "apps.api.handlers.bad_request"
handler403 = "apps.api.handlers.permission_denied"
handler404 = "apps.api.handlers.not_found"
handler500 = "apps.api.handlers.server_error"
handler429 = "apps.people.views.too_many"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="docs")),
    path("account/", include("apps.people.urls")),
    path("admin/", admin.site.urls),
    path("api/", include("apps.api.urls")),
    path("", include("apps.oauth.urls")),
    path("api/v1/", include("apps.jobs.api.urls")),
    path("api/v1/", include("apps.webhooks.api.urls")),
    path("api/v1/", include("apps.batches.api.urls")),
    path("api/v1/", include("riskscore.api.urls")),
    path("v1/", include("apps.generation.api.urls")),
]
