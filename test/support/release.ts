/**
 * The releases of the brokers that the tests know how to get. `debian` is the floor: what apt installs. The others come
 * from a newer Debian below a folder, see `newer-debian.ts`.
 */
const RELEASES = ['debian', 'redis-8', 'valkey-8', 'rabbitmq-4'] as const;
export type Release = (typeof RELEASES)[number];
