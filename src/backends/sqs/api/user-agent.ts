/** Marks our requests; the deny policy of `pause` lets requests through that carry it. */
export const USER_AGENT = 'mqops';
