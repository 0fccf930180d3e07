"""Streamlit pieces that pages share. A widget function returns one value."""
