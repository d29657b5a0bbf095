"""The bytes: models streamed through the sum in bounded memory."""
