//! What a client gets that asks for what cannot be.
