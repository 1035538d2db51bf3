export type Argument = string | Buffer | number;

/** A command and its arguments, in the form that the server gets. */
export type Call = readonly [command: string, ...args: Argument[]];
