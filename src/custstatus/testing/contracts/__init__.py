"""The contract of stores, a part for each noun; `custstatus.testing.StoreContract` is all of them."""
