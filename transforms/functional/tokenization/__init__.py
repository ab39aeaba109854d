"""Reviews to token ids, exactly as the library does it, and much faster.

`review_tokenizer` is the door. `encoder` is the library and the plain path; `safe_cuts`,
`fast_tokenization` and `piece_cache` are the fast one.
"""
