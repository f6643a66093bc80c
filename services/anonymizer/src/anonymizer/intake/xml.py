"""XML parts of office files, read without entities, without network and within limits."""

import zipfile

from lxml import etree

from anonymizer.intake.rules import unreadable


def part(archive: zipfile.ZipFile, name: str) -> etree._Element | None:
    """Return the root of one XML part; None when the archive has no such part.

    Raises:
        RefusedFile: the part is damaged, or declares entities.
    """
    try:
        content = archive.read(name)
    except KeyError:
        return None
    except (zipfile.BadZipFile, OSError, ValueError, EOFError) as error:
        raise unreadable("A part of the document is damaged.") from error
    except Exception as error:  # zlib.error and the like are not zipfile's own
        raise unreadable("A part of the document is damaged.") from error
    if b"<!DOCTYPE" in content[:4096] or b"<!ENTITY" in content:
        raise unreadable("The document declares XML entities, which no word processor writes.")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False
    )
    try:
        return etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise unreadable("A part of the document is damaged.") from error


def local(element: etree._Element) -> str:
    """Return the element's name without its namespace; empty for comments."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: etree._Element, name: str) -> str | None:
    """Return the attribute of that local name, whatever its namespace."""
    for key, value in element.attrib.items():
        if str(key).rpartition("}")[2] == name:
            return str(value)
    return None


def child(element: etree._Element | None, name: str) -> etree._Element | None:
    """Return the first child of that local name."""
    if element is None:
        return None
    return next((item for item in element if local(item) == name), None)


def is_white(colour: str | None) -> bool:
    """Say whether an RRGGBB colour is white, or so close that paper hides it."""
    if colour is None:
        return False
    digits = colour.lstrip("#")
    try:
        channels = bytes.fromhex(digits)
    except ValueError:
        return False
    return len(channels) == 3 and min(channels) >= 0xF4  # noqa: PLR2004 - red, green, blue
