/** An argument as commander gives it: one word, several for `name...`, or undefined. */
export type Operand = string | readonly string[] | undefined;
