//! Whether a machine is there: TCP, ICMP echo and the neighbour table, and what their silence proves.
