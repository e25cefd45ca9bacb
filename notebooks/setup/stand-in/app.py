"""Runs the agent's `bot.py` once, where the real base image has a server that runs it for each session."""

import asyncio
from types import SimpleNamespace

from bot import bot

asyncio.run(bot(SimpleNamespace(session_id="local", body={})))
