"""Operations in C that torch has no quick ones for: convolutions of many victims, each with weights of its own."""
