/**
 * What the program is told where a test says nothing else. Its usual 5 s for a connection are for a person at a
 * terminal; a broker on a machine that several test files share was seen to take longer.
 */
export const PATIENT = { MQ_CONNECT_TIMEOUT: '30s' } as const;
