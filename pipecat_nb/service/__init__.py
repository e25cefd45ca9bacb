"""The local Pipecat Cloud: the hosted service's interface, with real builds by this machine's container engine.

Started by `python -m pipecat_nb.service` and reached by its URL only.
"""
