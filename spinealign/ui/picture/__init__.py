"""The image viewer: picture, overlay, handles, and drawing tools."""
