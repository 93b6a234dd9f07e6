"""Questions about filters, packets and programs, as users ask them."""
