using Metering.Cli.Resources;
using Metering.Safety;
using Xunit;

namespace Metering.Tests.Cli;

public sealed class YamlJsonTests
{
    [Theory]
    [InlineData("a: 1", """{"a":1}""")]
    [InlineData("a: 1.20", """{"a":1.20}""")]
    [InlineData("a: -0.5e3", """{"a":-0.5e3}""")]
    [InlineData("a: true", """{"a":true}""")]
    [InlineData("a: ~", """{"a":null}""")]
    [InlineData("a:", """{"a":null}""")]
    [InlineData("a: \"1\"", """{"a":"1"}""")]
    [InlineData("a: '~'", """{"a":"~"}""")]
    [InlineData("a: 007", """{"a":"007"}""")]
    [InlineData("a: 1_000", """{"a":"1_000"}""")]
    [InlineData("a: .5", """{"a":".5"}""")]
    [InlineData("a: yes", """{"a":"yes"}""")]
    [InlineData("a: 2026-01-01T00:00:00Z", """{"a":"2026-01-01T00:00:00Z"}""")]
    [InlineData("a: [1, x, {b: false}]", """{"a":[1,"x",{"b":false}]}""")]
    [InlineData("x: &n {b: 1}\ny: *n", """{"x":{"b":1},"y":{"b":1}}""")]
    public void Plain_scalars_become_what_they_look_like(string yaml, string json) => Assert.Equal(json, YamlJson.Read(yaml, "f")!.ToJsonString());

    [Fact]
    public void Nothing_is_null() => Assert.Null(YamlJson.Read("", "f"));

    [Theory]
    [InlineData("a: [1", "f:2:")]
    [InlineData("a: 1\na: 2", "f:2:")]
    [InlineData("? [a]\n: 1", "a key must be a text")]
    [InlineData("a: 1\n---\nb: 1", "2 YAML documents")]
    public void What_can_not_be_read_is_told_with_its_place(string yaml, string part) =>
        Assert.Contains(part, Assert.Throws<UserErrorException>(() => YamlJson.Read(yaml, "f")).Message);

    [Fact]
    public void A_bomb_of_aliases_is_refused()
    {
        var yaml = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + string.Concat(Enumerable.Range(1, 8).Select(i => $"a{i}: &a{i} [{string.Join(',', Enumerable.Repeat($"*a{i - 1}", 10))}]\n"));
        Assert.Contains("more than", Assert.Throws<UserErrorException>(() => YamlJson.Read(yaml, "f")).Message);
    }
}
