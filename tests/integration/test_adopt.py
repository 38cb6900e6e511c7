"""`scones adopt` on a local cloud: the image bucket lost EventBridge to another program's notification."""

import pytest

from tests.local_cloud.cloud import LocalCloud
from tests.local_cloud.pictures import picture

pytestmark = pytest.mark.local_cloud


def test_the_image_bucket_gets_eventbridge_back_and_keeps_the_other_notification(cloud: LocalCloud) -> None:
    s3, sqs, bucket = cloud.client("s3"), cloud.client("sqs"), cloud.outputs["ImageBucketName"]
    address = sqs.create_queue(QueueName="thumbnails")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=address, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    other = {"Id": "thumbnails", "QueueArn": arn, "Events": ["s3:ObjectRemoved:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [other]}
    )
    try:
        examined = cloud.shell.run("doctor", "--no-invoke")
        assert (examined.returncode, f"`scones adopt {bucket}`" in examined.stdout) == (1, True)
    finally:  # the tests after this one need it too
        adopted = cloud.shell.scones_json("adopt", bucket)

    assert (adopted["was_on"], adopted["changed"], adopted["kept"]) == (False, True, True)
    found = s3.get_bucket_notification_configuration(Bucket=bucket)
    assert "EventBridgeConfiguration" in found
    assert [one["QueueArn"] for one in found["QueueConfigurations"]] == [arn]
    cloud.put("incoming/adopted.png", picture("adopted"))
    cloud.wait_until_idle(1)
    assert cloud.shell.scones_json("adopt", bucket)["changed"] is False
