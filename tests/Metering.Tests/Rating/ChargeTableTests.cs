using Xunit;

namespace Metering.Tests.Rating;

public sealed class ChargeTableTests
{
    public static TheoryData<string> Names => [.. ChargeTable.Read().Select(one => one.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Charges_are_as_the_table_says(string name)
    {
        var one = ChargeTable.Read().Single(one => one.Name == name);

        Assert.Equal(string.Join('\n', one.Expected), string.Join('\n', one.Run()));
    }
}
