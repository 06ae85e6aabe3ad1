using Metering.Service.Alerts;
using Metering.Service.Alerts.Routing;
using Xunit;

namespace Metering.Tests.Alerts;

public sealed class TextTemplateTests
{
    [Theory]
    [InlineData("{quota} {{is}} {labels.a b}", "<quota> {is} <labels.a b>")]
    [InlineData("plain", "plain")]
    [InlineData("}}{{", "}{")]
    public void Names_are_replaced_and_doubled_braces_are_braces(string template, string expected)
    {
        Assert.Empty(TextTemplate.Faults(template));
        Assert.Equal(expected, TextTemplate.Render(template, name => $"<{name}>"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("a } b")]
    [InlineData("{quotas}")]
    [InlineData("{labels.}")]
    public void Others_are_faults(string template) => Assert.NotEmpty(TextTemplate.Faults(template));

    [Theory]
    [InlineData("*", "", true)]
    [InlineData("a*", "abc", true)]
    [InlineData("*c", "abc", true)]
    [InlineData("a*b*c", "a-b-b-c", true)]
    [InlineData("a*b*c", "a-c-b", false)]
    [InlineData("abc", "ABC", false)]
    [InlineData("", "a", false)]
    [InlineData("a.c", "abc", false)]
    public void A_star_stands_for_anything(string pattern, string text, bool matches) => Assert.Equal(matches, Pattern.Matches(pattern, text));

    [Fact]
    public void A_pattern_of_many_stars_is_no_burden() => Assert.False(Pattern.Matches(string.Concat(Enumerable.Repeat("*a", 100)) + "b", new string('a', 4_000)));
}
