"""The core job module: what a user does with a batch, one file for each thing.

Only these files write down the order of the stages; everything below them does one stage and knows no other.
"""
