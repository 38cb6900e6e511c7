"""The textbook's endpoint: Flask's own server, threads, the network in eager PyTorch. Run by .venv-training's Python.

The network, the views of a picture and the mirrored averages are those of the shipped model, so each request is the
same work; the weights are random, which changes nothing about the time.
"""

import sys

import torch
from flask import Flask, Response, jsonify, request

from endpoint.predictor import SHIPPED_MODEL, Predictor
from endpoint.views import read_picture, views
from training.learning.export import Served, Trained
from training.learning.model import Network

torch.set_num_threads(1)  # as our endpoint: best for parallel requests
facts = Predictor(SHIPPED_MODEL)
model = Served(Trained(Network(len(facts.labels) + 1), facts.labels, facts.temperature)).eval()
app = Flask(__name__)


@app.get("/ping")
def ping() -> str:
    """Report that the server runs."""
    return ""


@app.post("/invocations")
def invocations() -> Response:
    """Answer the probabilities of one image."""
    picture = read_picture(request.get_data(), facts.picture_size)
    with torch.inference_mode():
        answers = model(torch.from_numpy(views(picture, facts.input_size, facts.views)))
    return jsonify(answers.mean(0).tolist())


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[1]), threaded=True)
