"""Addresses of the door. allauth offers more; what is not named here does not exist."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery
from allauth.socialaccount import views as social
from django.urls import path, re_path
from django.views.i18n import set_language

from apps.people import views

INVITATION = r"^password/set/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$"

urlpatterns = [
    path("", views.overview, name="people_overview"),
    path("start/", views.start, name="people_start"),
    path("institution/", views.institution, name="people_institution"),
    path("locked/", views.locked, name="people_locked"),
    path("language/", set_language, name="set_language"),
    path("sign-in/", views.SignIn.as_view(), name="account_login"),
    path("sign-in/code/", mfa.authenticate, name="mfa_authenticate"),
    path("sign-out/", account.logout, name="account_logout"),
    path("sign-out/everywhere/", views.sign_out_everywhere, name="people_sign_out_everywhere"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("again/", account.reauthenticate, name="account_reauthenticate"),
    path("again/code/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("password/", account.password_change, name="account_change_password"),
    path("password/none/", views.overview, name="account_set_password"),  # who has none comes by single sign-on
    path("password/set/", account.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    re_path(INVITATION, account.password_reset_from_key, name="account_reset_password_from_key"),
    path("second-factor/set-up/", views.SetUp.as_view(), name="mfa_activate_totp"),
    path("second-factor/remove/", views.Remove.as_view(), name="mfa_deactivate_totp"),
    path("second-factor/", views.overview, name="mfa_index"),
    path("recovery-codes/", recovery.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("recovery-codes/new/", views.NewRecoveryCodes.as_view(), name="mfa_generate_recovery_codes"),
    path("provider/", views.to_provider, name="sso_login"),
    path("provider/back/", views.from_provider, name="sso_callback"),
    path("provider/cancelled/", social.login_cancelled, name="socialaccount_login_cancelled"),
    path("provider/error/", social.login_error, name="socialaccount_login_error"),
]
