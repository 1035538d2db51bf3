/** The frameworks whose queues are lists. */
export type Framework = 'celery' | 'rq' | 'sidekiq' | 'laravel' | 'dramatiq';

export const TITLES: Readonly<Record<Framework, string>> = {
  celery: 'Celery',
  rq: 'RQ',
  sidekiq: 'Sidekiq',
  laravel: 'Laravel',
  dramatiq: 'Dramatiq',
};
