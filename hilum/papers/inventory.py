"""The software bill of materials (CycloneDX 1.6): Hilum, every installed distribution, and the files of the network."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, UUID, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from hilum import __version__, bootstrap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from cyclonedx.model.license import License

    from hilum.settings import Settings
    from models.package import Package

_NAME = "hilum"
_LONGEST_NAME = 100
"""Of a licence, in characters."""


def bill(settings: Settings, made_at: datetime) -> str:
    """Return the bill of materials of this installation as JSON; the same installation has the same serial number.

    Raises:
        Misconfigured: the active network is damaged.
    """
    package = bootstrap.package(settings)
    own = Component(
        type=ComponentType.APPLICATION,
        name=_NAME,
        version=__version__,
        bom_ref=_NAME,
        licenses=[LicenseFactory().make_from_string("Apache-2.0")],
        purl=PackageURL("pypi", name=_NAME, version=__version__),
    )
    libraries = sorted(_libraries(), key=lambda component: str(component.bom_ref.value))
    network = _network(package)
    bom = Bom(components=[*libraries, network, _interpreter()])
    bom.metadata.component = own
    bom.metadata.timestamp = made_at
    bom.register_dependency(own, [*libraries, network])
    bom.serial_number = _serial(libraries, package)
    text = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string()
    return json.dumps(json.loads(text), indent=1) + "\n"


def _libraries() -> Iterator[Component]:
    seen: set[str] = set()
    for distribution in metadata.distributions():
        name = (distribution.metadata["Name"] or "").lower().replace("_", "-")
        if not name or name == _NAME or name in seen:
            continue
        seen.add(name)
        yield Component(
            type=ComponentType.LIBRARY,
            name=name,
            version=distribution.version,
            bom_ref=f"pypi/{name}@{distribution.version}",
            purl=PackageURL("pypi", name=name, version=distribution.version),
            licenses=_licences(distribution),
        )


def _licences(distribution: metadata.Distribution) -> list[License]:
    """Return what a distribution says of its licence; whole texts are left out, since they are no names."""
    told = distribution.metadata
    classifiers = [one.rpartition(" :: ")[2] for one in told.get_all("Classifier", []) if one.startswith("License ::")]
    said = [one.strip() for key in ("License-Expression", "License") for one in told.get_all(key, [])]
    names = [one for one in [*said, *classifiers] if one and len(one) <= _LONGEST_NAME and "\n" not in one]
    return [LicenseFactory().make_from_string(one) for one in names[:1]]


def _network(package: Package) -> Component:
    files = [
        Component(
            type=ComponentType.FILE,
            name=name,
            bom_ref=f"model/{package.title}/{name}",
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
        )
        for name, digest in sorted(package.parts.items())
    ]
    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        name=package.model.name,
        version=package.model.version,
        bom_ref=f"model/{package.title}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=package.model.sha256)],
        components=files,
        properties=[Property(name="hilum:architecture", value=package.architecture)],
    )


def _interpreter() -> Component:
    version = ".".join(map(str, sys.version_info[:3]))
    return Component(type=ComponentType.PLATFORM, name="python", version=version, bom_ref=f"platform/python@{version}")


def _serial(libraries: list[Component], package: Package) -> UUID:
    told = "\n".join([*(str(one.bom_ref.value) for one in libraries), package.model.sha256, __version__])
    return uuid5(NAMESPACE_URL, told)
