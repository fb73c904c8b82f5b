"""Ways past uvicorn and asyncio for most requests; everything works without them."""
