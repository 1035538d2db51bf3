import { sqsConformance } from '../../../support/sqs/conformance.ts';

await sqsConformance('standard');
