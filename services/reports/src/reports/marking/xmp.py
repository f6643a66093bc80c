"""The mark of AI in a PDF's own metadata: IPTC digitalSourceType in XMP, with its schema.

PDF/A refuses a property of a schema that it does not know, unless the file describes the schema
(ISO 19005-3, 6.6.2.3); that is the extension schema written here.
"""

from io import BytesIO

import pikepdf
from lxml import etree

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
IPTC_EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_SCHEMAS = "http://www.aiim.org/pdfa/ns/extension/"
_DESCRIPTION = f"{{{RDF}}}Description"
_PACKET = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>',
    b'<?xpacket end="r"?>',
)

_EXTENSION = f"""
<rdf:li xmlns:rdf="{RDF}" rdf:parseType="Resource"
    xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"
    xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
  <pdfaSchema:schema>IPTC Extension</pdfaSchema:schema>
  <pdfaSchema:namespaceURI>{IPTC_EXT}</pdfaSchema:namespaceURI>
  <pdfaSchema:prefix>Iptc4xmpExt</pdfaSchema:prefix>
  <pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
    <pdfaProperty:name>DigitalSourceType</pdfaProperty:name>
    <pdfaProperty:valueType>Text</pdfaProperty:valueType>
    <pdfaProperty:category>external</pdfaProperty:category>
    <pdfaProperty:description>Type of source (IPTC)</pdfaProperty:description>
  </rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li>"""


class UnmarkablePdf(Exception):  # noqa: N818 - says what it is
    """The PDF has not the metadata that Typst writes."""


def mark_pdf(pages: bytes, source_type: str, report_id: str) -> bytes:
    """Return `pages` with its XMP saying `source_type` and `report_id`; deterministic bytes."""
    with pikepdf.open(BytesIO(pages)) as pdf:
        metadata = pdf.Root.Metadata
        metadata.write(marked(metadata.read_bytes(), source_type, report_id))
        out = BytesIO()
        pdf.save(
            out,
            deterministic_id=True,
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
            compress_streams=True,
            recompress_flate=False,
        )
    return out.getvalue()


def marked(packet: bytes, source_type: str, report_id: str) -> bytes:
    """Return an XMP packet with the property, its schema and the report's id."""
    body = packet.split(b"?>", 1)[1].rsplit(b"<?xpacket", 1)[0]
    root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    bag = root.find(f".//{{{_SCHEMAS}}}schemas/{{{RDF}}}Bag")
    rdf = root.find(f".//{{{RDF}}}RDF")
    if rdf is None or bag is None:
        raise UnmarkablePdf("the XMP packet has no extension schemas")
    bag.append(etree.fromstring(_EXTENSION))
    added = etree.SubElement(rdf, _DESCRIPTION, nsmap={"Iptc4xmpExt": IPTC_EXT})
    added.set(f"{{{RDF}}}about", "")
    etree.SubElement(added, f"{{{IPTC_EXT}}}DigitalSourceType").text = source_type
    identifier = etree.SubElement(added, "{http://purl.org/dc/elements/1.1/}identifier")
    identifier.text = report_id
    return _PACKET[0] + etree.tostring(root, encoding="utf-8") + _PACKET[1]
