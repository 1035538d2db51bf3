/** `1 message`, `5 messages`; another plural than with an s is given. */
export function counted(count: number, one: string, many: string = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
