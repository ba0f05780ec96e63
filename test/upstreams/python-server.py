"""An MCP server made with the official Python SDK, as people have them. Argument: the port, on loopback."""

import sys

from mcp.server import MCPServer
from mcp.server.mcpserver import Context

server = MCPServer("python")


@server.tool()
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@server.tool()
def secret() -> str:
    """For some callers only."""
    return "the secret"


@server.tool()
async def count(to: int, ctx: Context) -> str:
    """Tells its progress, and then that it is done."""
    for done in range(to):
        await ctx.report_progress(done, to)
    return f"counted to {to}"


@server.tool()
def heard(ctx: Context) -> dict[str, str]:
    """The head of the request as it has arrived here."""
    return dict(ctx.request_context.request.headers)


server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
