// Exists so that each precompiled header has a target to belong to.
