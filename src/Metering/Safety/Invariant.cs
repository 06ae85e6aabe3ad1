using System.Runtime.CompilerServices;

namespace Metering.Safety;

/// <summary>Checks that stay on in production: when one fails we are wrong, and stopping is better than a wrong bill.</summary>
public static class Invariant
{
    /// <summary>Throws <see cref="InvariantException"/> with the text of the expression when it does not hold.</summary>
    public static void Holds(bool condition, [CallerArgumentExpression(nameof(condition))] string expression = "")
    {
        if (!condition) throw new InvariantException(expression);
    }
}
