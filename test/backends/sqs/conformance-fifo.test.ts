import { conformance } from '../../conformance/index.ts';
import { sqsHarness } from '../../support/sqs/conformance.ts';

conformance(sqsHarness('fifo'));
