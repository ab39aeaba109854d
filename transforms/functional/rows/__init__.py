"""From token ids to rows: packing, padding, masks, word ids."""
