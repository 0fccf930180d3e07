"""Records to Plotly figures. Pure: no Streamlit, no torch, nothing computed anew."""
