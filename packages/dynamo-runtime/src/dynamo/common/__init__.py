"""What programs written for Dynamo find here: ``dynamo.common.utils.prometheus``."""
