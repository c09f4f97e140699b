"""Files of companies: their facts, their tree, who speaks for them."""
