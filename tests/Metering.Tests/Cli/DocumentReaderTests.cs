using System.Text.Json.Nodes;
using Metering.Cli.Resources;
using Metering.Tests.Support;
using Xunit;

namespace Metering.Tests.Cli;

public sealed class DocumentReaderTests
{
    [Fact]
    public void Every_fault_is_listed_with_its_place()
    {
        var reader = new DocumentReader(DocumentKind.Tenants);
        var read = reader.Read(YamlJson.Read("tenants: [{id: a, nmae: x}, {name: b}, {id: a}, 7]\nother: 1", "f"));

        Assert.Equal(
            ["'other' is unknown; a file of tenants has 'tenants' at its top.", "tenants[0].nmae is unknown; there may be currency, id, name, priceBook, timeZone.", "tenants[1].id is missing.",
             "tenants[2].id 'a' is there twice.", "tenants[3] has no fields."], reader.Faults);
        Assert.Equal(2, read.Count);
    }

    [Fact]
    public void Texts_stay_texts_and_prices_keep_their_digits()
    {
        var tenants = new DocumentReader(DocumentKind.Tenants).Read(YamlJson.Read("tenants: [{id: 12, name: 1.20}]", "f"));
        Assert.Equal(("12", "v1/tenants/12", """{"name":"1.20"}"""), (tenants[0].Id, tenants[0].Path, tenants[0].Body.ToJsonString()));

        var prices = new DocumentReader(DocumentKind.Prices).Read(YamlJson.Read("book: std\nversions: [{version: 2, currency: EUR, prices: [{meter: cpuSeconds, unit: Core-Hours, price: 0.0400}]}]", "f"));
        Assert.Equal("v1/price-books/std/versions/2", prices[0].Path);
        Assert.Contains("\"price\":0.0400", prices[0].Body.ToJsonString());
    }

    [Fact]
    public void Rules_are_one_document_and_labels_take_any_name()
    {
        var reader = new DocumentReader(DocumentKind.Ownership);
        var rules = reader.Read(YamlJson.Read("rules: [{match: {label: {team: 7}}, tenant: a}]", "f"));
        Assert.Empty(reader.Faults);
        Assert.Equal("""{"rules":[{"match":{"label":{"team":"7"}},"tenant":"a"}]}""", rules[0].Body.ToJsonString());
    }

    [Theory]
    [InlineData("""{"a":1}""", """{"a":1.00}""", true)]
    [InlineData("""{"a":"2026-01-01T00:00:00Z"}""", """{"a":"2026-01-01T01:00:00+01:00"}""", true)]
    [InlineData("""{"a":null}""", "{}", true)]
    [InlineData("""{"a":[1,2]}""", """{"a":[2,1]}""", false)]
    [InlineData("""{"a":"1"}""", """{"a":1}""", false)]
    public void Values_are_compared_as_values(string a, string b, bool same) => Assert.Equal(same, JsonSame.Of(JsonNode.Parse(a), JsonNode.Parse(b)));

    [Fact]
    public void A_fault_is_placed_by_the_line_of_its_field_or_of_what_is_around_it()
    {
        YamlJson.Read("book: std\nversions:\n  - version: 1\n    prices:\n      - meter: cpuSeconds\n        tiers:\n          - { upTo: 5,\n              price: 1 }\n", "f", out var lines);

        Assert.Equal("f:8: versions[0].prices[0].tiers[0].price -1", lines.Place("f", "versions[0].prices[0].tiers[0].price -1"));
        Assert.Equal("f:5: versions[0].prices[0].unit is missing", lines.Place("f", "versions[0].prices[0].unit is missing"));
        Assert.Equal("f:2: 'versions' is none", lines.Place("f", "'versions' is none"));
        Assert.Equal("f: no book", lines.Place("f", "no book"));
    }

    [Fact]
    public void The_examples_have_no_fault()
    {
        foreach (var kind in new[] { DocumentKind.Tenants, DocumentKind.Ownership, DocumentKind.Prices, DocumentKind.Contracts, DocumentKind.Allocation, DocumentKind.Quotas, DocumentKind.Plans, DocumentKind.Webhooks })
        {
            var reader = new DocumentReader(kind);
            var file = Path.Combine(RepositoryFiles.Root, "deploy", "examples", kind.Noun + ".yaml");
            Assert.NotEmpty(reader.Read(YamlJson.Read(File.ReadAllText(file), file)));
            Assert.Empty(reader.Faults);
        }
    }
}
