/** `1 message`, `5 messages`. A plural that does not end in s is given as `many`. */
export function counted(count: number, one: string, many: string = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
