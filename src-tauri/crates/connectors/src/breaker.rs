//! Opens after three failures in a row, so that a dead connection is not asked at every tick.
