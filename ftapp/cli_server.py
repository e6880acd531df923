"""`python -m ftapp server set|show|off|check|adapter`: does it and prints. What may be typed stands in arguments.py."""

from __future__ import annotations

import argparse
from typing import Any

OWNER = "local"  # the person at this machine, as in cli.py


def put(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    studio.servers.set(args.address, args.name, args.side or ("both" if args.other else "one"), args.other)
    return show(studio, args)


def show(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    found = studio.servers.show()
    if not found["set"]:
        print(found["said"])
        return found
    models = found["model"] + (f" and {found['other']}" if found["other"] else "")
    side = "both letters" if found["side"] == "both" else "one letter of a pair, the model here the other one"
    print(f"{found['address']} writes {side}, with {models}.")
    print(f"A key is {'taken from' if found['key'] else 'not set in'} the environment variable FTAPP_SERVER_KEY.")
    print(found["leaving"] or "It is on this machine: nothing leaves it.")
    return found


def off(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    found = studio.servers.off()
    print("The model on this machine writes again.")
    return found


def check(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    found = studio.servers.check()
    print(f"{found['address']} answers" + (f": {', '.join(found['models'])}" if found["models"] else ", and lists no models."))
    if found["missing"]:
        print(f"It does not list {', '.join(found['missing'])}.")
    if found["wrote"]:
        print(f"It wrote: first words after {found['first_seconds']} s, all after {found['seconds']} s.")
    else:
        print("It wrote nothing.")
    if found["alike"]:
        print(found["alike"])
    if not found["proven"]:
        print(f"Pairs can be read, but not judged: {found['reason']}")
    return found


def adapter(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    if args.load:
        found = studio.servers.load(OWNER, args.id)
        print(f"Loaded. The server has it under the name {found['name']}.")
    else:
        found = studio.servers.offer(OWNER, args.id)
        print(found["command"])
    print(f"Then: python -m ftapp server set --address http://127.0.0.1:8000/v1 --name {found['base']} --other {found['name']}")
    return found


VERBS = {"server_set": put, "server_show": show, "server_off": off, "server_check": check, "server_adapter": adapter}
