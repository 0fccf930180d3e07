"""What each lesson can be set to, and the numbers that it states: one module a lesson, no Streamlit, no torch."""
