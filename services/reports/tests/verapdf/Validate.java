import java.io.FileInputStream;
import java.nio.file.Path;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.PDFAValidator;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;
import org.verapdf.pdfa.results.ValidationResult;

/** Prints one line a file and flavour: file, flavour, verdict, then each failed clause. */
public class Validate {
    public static void main(String[] files) throws Exception {
        VeraGreenfieldFoundryProvider.initialise();
        for (String file : files) {
            for (String id : new String[] {"ua1", "3a"}) {
                PDFAFlavour flavour = PDFAFlavour.byFlavourId(id);
                try (FileInputStream in = new FileInputStream(file);
                        PDFAParser parser = Foundries.defaultInstance().createParser(in, flavour)) {
                    PDFAValidator validator = Foundries.defaultInstance().createValidator(flavour, false);
                    ValidationResult result = validator.validate(parser);
                    StringBuilder line = new StringBuilder();
                    line.append(Path.of(file).getFileName()).append('\t').append(id).append('\t');
                    line.append(result.isCompliant() ? "compliant" : "failed");
                    line.append('\t').append(result.getTotalAssertions());
                    for (TestAssertion failed : result.getTestAssertions()) {
                        line.append('\t').append(failed.getRuleId().getClause()).append(' ').append(failed.getMessage());
                    }
                    System.out.println(line.toString().replace('\n', ' '));
                }
            }
        }
    }
}
