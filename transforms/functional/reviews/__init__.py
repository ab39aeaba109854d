"""What a review and a part are; cleaning, labels, duplicates, subsets and splits."""
