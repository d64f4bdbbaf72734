"""`dermgan`: one network that paints a lesion of a given shape on skin of a given colour."""
