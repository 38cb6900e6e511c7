"""`scones review`: decide about the images that wait for a person, in a terminal."""

import click
from rich.text import Text

from scones.connection import Connection, Target, cloud_options, connect
from scones.decisions.decision import CANNOT_TELL, NEITHER
from scones.decisions.review_image import ReviewImage
from scones.decisions.reviewer import Reviewer
from scones.errors import SconesError
from scones.review.keyboard import CANNOT_TELL_KEY, NEITHER_KEY, keyboard, keys_of
from scones.review.pictures import pictures
from scones.review.screen import Screen
from scones.review.session import Session
from scones.stack import Stack, read_stack
from scones.terminal import comma, out, shown
from scones.why.evidence import full_key, list_versions


@click.command()
@click.argument("key", required=False)
@click.option("--etag", metavar="ETAG", help="The image of KEY with this ETag, not the newest.")
@click.option("--open", "opens", is_flag=True, help="Open each picture in the system's viewer.")
@cloud_options
def review(target: Target, *, key: str | None, etag: str | None, opens: bool) -> None:
    """Decide about the images that wait for a person, oldest first, with one key each.

    Pictures are shown in terminals of kitty, Ghostty, iTerm2 and WezTerm; in others the address of a file is printed,
    and the key o opens it. What the model said is shown half a minute after the decision: a slip of the finger can
    be taken back before. An image on the screen is held for ten minutes, so that no two reviewers work on it; leaving
    gives it back.

    With KEY, correct one image that passed or was decided: its key, with or without incoming/, or its s3:// address.

    Exit code 0: you left. 2: usage or connection, or a decision that could not be written. 130: Ctrl-C; decisions made
    before it are kept.
    """
    if etag and not key:
        message = "--etag names an image of KEY: give the key too"
        raise click.UsageError(message)
    connection = connect(target)
    with keyboard() as keys, pictures() as shown_pictures:
        stack = read_stack(connection)
        reviewer = Reviewer(connection, stack)
        console = out()
        console.print(Text(f"reviewing as {reviewer.by}"), soft_wrap=True)
        labels = {**keys_of(stack.labels), NEITHER_KEY: NEITHER, CANNOT_TELL_KEY: CANNOT_TELL}

        def say(text: str) -> None:
            console.print(Text(text), soft_wrap=True)

        def picture(image: ReviewImage, content: bytes) -> str | None:
            address = shown_pictures.show(image, content)
            if opens:
                shown_pictures.open()
            return address

        session = Session(
            reviewer, Screen(say, picture, shown_pictures.jpeg, shown_pictures.open, keys.read), labels
        )
        if key:
            name = full_key(key, stack)
            session.run_one(reviewer.image(name, etag or _newest_etag(connection, stack, name)))
            return
        try:
            session.run()
        finally:
            agreed = sum(one.agrees for one in session.compared.values())
            of = (
                ""
                if len(session.compared) == len(session.decided)
                else f" of {len(session.compared):,} compared"
            )
            said = f", {agreed:,}{of} as the model said" if session.compared else ""
            say(f"{comma(len(session.decided), 'image', 'images')} decided{said}")


def _newest_etag(connection: Connection, stack: Stack, key: str) -> str:
    """Return the ETag of the newest upload; of the bucket, for reviewers may not query the claims of a key."""
    versions = list_versions(connection.s3(), stack.image_bucket, key)
    newest = max(versions, key=lambda version: version.uploaded_at, default=None)
    if newest is None:
        message = f"the bucket has no image {shown(key)}: `scones results` lists images and their keys"
        raise SconesError(message)
    return newest.etag
