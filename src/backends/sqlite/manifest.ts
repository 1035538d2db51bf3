import type { Manifest } from '../../contract/backend.ts';

export const manifest: Manifest = {
  name: 'sqlite',
  title: 'SQLite',
  schemes: [{ name: 'sqlite', port: null, encryption: 'none' }],
  forms: [
    {
      form: 'sqlite:PATH',
      short: 'sqlite:PATH',
      meaning: 'embedded, no server; sqlite: alone is the default file',
    },
  ],
  parameters: [],
  flags: [],
  queueUrls: [],
  kinds: ['sqlite'],
  holders: {},
  examples: {},
  remarks: [],
  file: { usual: 'mq.db' },
};
