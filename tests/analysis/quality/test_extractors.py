"""Extractors from local files: what they compute, what they refuse, what is kept of them."""

import hashlib

import numpy as np
import pytest
import torch
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection, Dinov2Config, Dinov2Model

from analysis.classifier.network import Classifier
from analysis.errors import AnalysisError
from analysis.quality.extractors import (
    DOMAIN,
    DomainExtractor,
    InceptionExtractor,
    KerasInceptionExtractor,
    TransformersExtractor,
)
from analysis.quality.inception import Conv, Inception, tensorflow_resize
from analysis.quality.kept import KeptFeatures
from analysis.quality.keras_inception import KerasInception
from analysis.quality.treatment import resized

SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def inception_file(tmp_path_factory):
    """Write random weights under the names of the published file."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("inception") / "inception.pth"
    torch.save(Inception().state_dict(), path)
    return path


def test_the_built_in_extractor_is_the_classifier_before_its_last_layer(images):
    extractor = DomainExtractor()
    read = Classifier.load(DOMAIN).read(resized(images, 112))

    rows = extractor.rows(images)

    assert np.allclose(rows[:, :256], read.features, atol=1e-5)
    assert np.allclose(rows[:, 256:], read.probabilities, atol=1e-5)
    digest = hashlib.sha256((DOMAIN / "model.safetensors").read_bytes()).hexdigest()
    assert extractor.about.sha256 == digest


def test_inception_has_the_published_names_and_size(inception_file):
    state = torch.load(inception_file, weights_only=True)
    weights = [v for name, v in state.items() if v.is_floating_point() and "running" not in name]

    assert sum(v.numel() for v in weights) == 23_850_960
    assert state["fc.weight"].shape == (1008, 2048)
    assert state["Mixed_7c.branch3x3dbl_3b.conv.weight"].shape == (384, 384, 3, 1)
    assert state["Mixed_6c.branch7x7_2.bn.running_mean"].shape == (160,)


def test_inception_gives_features_and_a_posterior_and_says_that_it_is_not_the_published_one(
    inception_file, images
):
    extractor = InceptionExtractor(inception_file)

    rows = extractor.rows(images[:1])

    assert rows.shape == (1, 2048 + 1008)
    assert rows[0, 2048:].sum() == pytest.approx(1, abs=1e-4)
    assert "not the published file" in extractor.about.remark


def test_resizing_is_tensorflows_written_out():
    image = torch.rand(1, 1, 5, 4, dtype=torch.float64)
    big = tensorflow_resize(image, 7)
    for i in range(7):
        for j in range(7):
            y, x = i * 5 / 7, j * 4 / 7
            top, left = int(y), int(x)
            below, right = min(top + 1, 4), min(left + 1, 3)
            one = image[0, 0]
            upper = one[top, left] * (1 - (x - left)) + one[top, right] * (x - left)
            lower = one[below, left] * (1 - (x - left)) + one[below, right] * (x - left)
            assert big[0, 0, i, j].item() == pytest.approx(
                (upper * (1 - (y - top)) + lower * (y - top)).item(), abs=1e-9
            )


@pytest.mark.parametrize("key", ["dinov2", "clip"])
def test_encoders_of_transformers_come_from_a_directory(key, images, tmp_path):
    torch.manual_seed(0)
    if key == "dinov2":
        Dinov2Model(Dinov2Config(**SMALL, mlp_ratio=1)).save_pretrained(tmp_path)
        wide = 16
    else:
        config = CLIPVisionConfig(**SMALL, intermediate_size=16, projection_dim=8, patch_size=32)
        CLIPVisionModelWithProjection(config).save_pretrained(tmp_path)
        wide = 8

    extractor = TransformersExtractor(key, tmp_path)
    rows = extractor.rows(images)

    assert rows.shape == (3, wide)
    assert extractor.about.features == wide
    assert not np.allclose(rows[0], rows[1])
    assert ("CMMD cannot be compared" in extractor.about.remark) is (key == "clip")
    with pytest.raises(AnalysisError, match=r"lacks weights of a|holds no"):
        TransformersExtractor("clip" if key == "dinov2" else "dinov2", tmp_path)


def test_missing_and_foreign_files_are_refused_with_what_to_download(tmp_path):
    with pytest.raises(AnalysisError, match="does not exist; download pt_inception-2015"):
        InceptionExtractor(tmp_path / "none.pth")
    (tmp_path / "other.pth").write_bytes(b"no weights")
    with pytest.raises(AnalysisError, match="holds no Inception-v3 of 2015"):
        InceptionExtractor(tmp_path / "other.pth")
    with pytest.raises(AnalysisError, match="name a directory with a dinov2 model"):
        TransformersExtractor("dinov2", tmp_path)


def test_features_are_kept_and_a_broken_file_is_computed_anew(tmp_path):
    rows = {f"{k:064}": np.full(3, k, np.float32) for k in range(4)}
    kept = KeptFeatures(tmp_path / "kept")
    kept.add(rows)
    kept.write()

    again = KeptFeatures(tmp_path / "kept")

    assert all(name in again for name in rows)
    assert (again.of([f"{2:064}", f"{1:064}"]) == [[2] * 3, [1] * 3]).all()
    (path,) = (tmp_path / "kept").glob("*.npz")
    path.write_bytes(path.read_bytes()[:100])
    assert f"{1:064}" not in KeptFeatures(tmp_path / "kept")


def keras_weights():
    """Return weights under Keras' names that follow from the number of their layer, shuffled."""
    found = {}
    layers = [each.conv.weight for each in KerasInception().modules() if isinstance(each, Conv)]
    for k, (wide, narrow, height, width) in enumerate(layer.shape for layer in layers):
        rng, n = np.random.default_rng(k), f"_{k}" if k else ""
        shape = (height, width, narrow, wide)
        norm = f"batch_normalization{n}"
        found[f"conv2d{n}/kernel"] = rng.normal(0, np.sqrt(2 / np.prod(shape[:3])), shape)
        found[f"{norm}/beta"] = rng.normal(0, 0.1, wide)
        found[f"{norm}/moving_mean"] = rng.normal(0, 0.1, wide)
        found[f"{norm}/moving_variance"] = rng.uniform(0.5, 1.5, wide)
    names = np.random.default_rng(0).permutation(list(found))
    return {name: found[name].astype(np.float32) for name in names}


def test_keras_inception_gives_the_features_that_keras_gives(tmp_path):
    """Keras 3.15 gave these by the same weights: InceptionV3(include_top=False, pooling="avg")."""
    path = tmp_path / "keras.npz"
    np.savez(path, **keras_weights())
    at = np.arange(299)
    planes = [np.add.outer(at, 2 * at), np.add.outer(3 * at, at), np.multiply.outer(at, at)]
    image = (np.stack(planes, -1) % 256).astype(np.uint8)

    extractor = KerasInceptionExtractor(path)
    (features,) = extractor.rows(image[None])

    known = [0.0, 2.317336320877075, 4.202958583831787, 0.03627636283636093, 0.0, 0.0]
    assert features[:6] == pytest.approx(known, abs=1e-4)
    assert (features.mean(), features.std()) == pytest.approx((2.2337489, 2.8159199), abs=1e-5)
    assert extractor.about.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    np.savez(path, **{"conv2d/kernel": np.zeros((3, 3, 3, 32))})
    with pytest.raises(AnalysisError, match="holds no Inception-v3 of Keras"):
        KerasInceptionExtractor(path)
