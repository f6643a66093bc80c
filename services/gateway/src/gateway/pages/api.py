"""The beneficiary's pages: give or refuse consent, see every use of AI, take it back."""

from fastapi import APIRouter

from gateway.pages import (
    answering,
    ceremony,
    confirming,
    contesting,
    copying,
    entrance,
    reading,
    space,
    static_files,
    stopping,
    withdrawal,
)

router = APIRouter()
for _part in (
    static_files,
    ceremony,
    confirming,
    withdrawal,
    entrance,
    space,
    reading,
    answering,
    contesting,
    copying,
    stopping,
):
    router.include_router(_part.router)
