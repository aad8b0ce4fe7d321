"""Addresses of the OpenAI-compatible endpoint, below ``/v1/``."""

from django.urls import path

from apps.generation.api.views import ChatCompletionsView, CompletionsView, ModelsView

urlpatterns = [
    path("chat/completions", ChatCompletionsView.as_view(), name="chat-completions"),
    path("completions", CompletionsView.as_view(), name="completions"),
    path("models", ModelsView.as_view(), name="models"),
]
